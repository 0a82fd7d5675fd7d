INSERT INTO drill.effect (job_id, attempt, pid) VALUES (%(job_id)s, %(attempt)s, %(pid)s)
