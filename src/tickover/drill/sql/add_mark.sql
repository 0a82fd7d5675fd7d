INSERT INTO drill.mark (obligation_id, fence, responsibility, pid)
VALUES (%(obligation_id)s, %(fence)s, %(responsibility)s, %(pid)s)
