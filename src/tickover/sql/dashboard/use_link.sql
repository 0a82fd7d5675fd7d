-- A one-time link is used: true where nobody has used it before. What nobody can use any more is forgotten.
WITH gone AS (
    DELETE FROM tickover.used_link WHERE ends_at < %(now)s
)
INSERT INTO tickover.used_link (number, ends_at)
VALUES (%(number)s, %(ends_at)s)
ON CONFLICT (number) DO NOTHING
RETURNING true AS is_first
