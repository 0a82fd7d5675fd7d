-- Which trace a tick's request was part of (W3C Trace Context), for whoever carries its work out later.
ALTER TABLE tickover.tick ADD COLUMN traceparent text;
