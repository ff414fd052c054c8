-- Where a person in Slack is, as far as days and hours go: the IANA name that Slack knows, at the time of their link.
alter table sixty.slack_links add column timezone text;
grant update (timezone) on sixty.slack_links to sixty_tenant;

-- Who has left a conversation reads it no more. The row stays: what they said there is still theirs.
alter table sixty.session_members add column left_at timestamptz;
grant update (left_at) on sixty.session_members to sixty_tenant;

-- How much of what somebody said is not answered yet.
create index slack_turns_of_author on sixty.slack_turns (org_id, author_id) where state <> 'over';
