DROP INDEX tickover.job_died;
DROP TABLE tickover.notice_delivery, tickover.notice_destination, tickover.notice;
