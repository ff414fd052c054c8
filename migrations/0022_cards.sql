-- Cards: types that organizations register, and what a call has shown.

-- The JSON Schema that the data of a card have to fit. Checked before it is stored.
create table sixty.card_types (
    org_id uuid not null references sixty.orgs,
    type text collate "C" not null check (type ~ '^[a-z][a-z0-9_-]{0,63}$'),
    -- As the administrator sent it, byte for byte.
    schema text not null check (octet_length(schema) <= 32768),
    version bigint not null,
    updated_at timestamptz not null default now(),
    -- Null: the author was erased.
    updated_by uuid,
    primary key (org_id, type)
);
call sixty.protect('card_types', personal => false);
grant select, insert, update (schema, version, updated_at, updated_by), delete on sixty.card_types to sixty_tenant;

-- The block that the call has shown (JSON text). A run may be put aside, or taken over, between
-- the result of the call and the message that holds it.
alter table sixty.tool_calls add column card text;
grant update (card) on sixty.tool_calls to sixty_tenant;
