-- One-time links to the dashboard that were used, until nobody could use them any more.
CREATE TABLE tickover.used_link (
    number  text PRIMARY KEY,
    ends_at timestamptz NOT NULL
);
CREATE INDEX used_link_ends_at ON tickover.used_link (ends_at);
