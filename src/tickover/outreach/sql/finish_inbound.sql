-- Keep what was read from a message, unless it was processed before; the row stays locked until the commit.
UPDATE outreach.message
SET subject = %(subject)s, body = %(body)s, interest = %(interest)s, notes = %(notes)s, processed_at = %(now)s
WHERE id = %(id)s AND processed_at IS NULL
RETURNING id
