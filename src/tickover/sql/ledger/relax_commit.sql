-- For what may be lost in a crash without harm: answer before the disk has it.
SET LOCAL synchronous_commit = off
