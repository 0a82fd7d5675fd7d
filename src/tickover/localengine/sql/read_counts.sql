-- How many functions are registered, and how many calls are still to be answered; those that never will be are not.
SELECT (SELECT count(*) FROM tickover_engine.function),
  (SELECT count(*) FROM tickover_engine.item WHERE due_at < 'infinity')
