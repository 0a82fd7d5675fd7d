-- Set where a row wakes a step that has slept, instead of standing for a call.
ALTER TABLE tickover_engine.item ADD COLUMN wakes text;

CREATE INDEX event_event ON tickover_engine.event (event_id);
CREATE INDEX event_received ON tickover_engine.event (received_at);
CREATE INDEX run_ended ON tickover_engine.run (ended_at);
