-- Where a person in Slack is, as far as days and hours go: the IANA name that Slack knows, at the time of their link.
alter table sixty.slack_links add column timezone text;
grant update (timezone) on sixty.slack_links to sixty_tenant;

-- Who has left a conversation reads it no more. The row stays: what they said there is still theirs.
alter table sixty.session_members add column left_at timestamptz;
grant update (left_at) on sixty.session_members to sixty_tenant;

-- How much of what somebody said is not answered yet.
create index slack_turns_of_author on sixty.slack_turns (org_id, author_id) where state <> 'over';

-- Of other people's questions one sees, in no scope more, those of conversations in which one takes part.
create policy asked on sixty.questions as restrictive for select to sixty_tenant
    using (owner_id = nullif(current_setting('app.user_id', true), '')::uuid
        or exists (select from sixty.session_members m where m.org_id = questions.org_id
            and m.session_id = questions.session_id
            and m.user_id = nullif(current_setting('app.user_id', true), '')::uuid));
