-- no-transaction
-- A search leaves out archives whose summary is still to come: there are few, and this finds them.
create index concurrently copilot_session_summaries_unfinished on sixty.copilot_session_summaries (org_id, owner_id)
    where summary_text is null;
