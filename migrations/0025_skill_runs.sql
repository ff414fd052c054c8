-- What was decided about a run when it began.

alter table sixty.runs
    -- Why it is one shot or the loop, in words.
    add column mode_reason text,
    -- The skill that was found to fit, and how; the skill that the run follows, at which version, with what.
    add column routing jsonb,
    add column skill jsonb;
