-- What is still to be done.
SELECT (SELECT count(*) FROM tickover.obligation WHERE state NOT IN ('succeeded', 'failed', 'covered'))
  + (SELECT count(*) FROM tickover.job WHERE state <> 'succeeded')
