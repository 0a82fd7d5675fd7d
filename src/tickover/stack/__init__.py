"""The whole product on one machine: servers, application, engine and cron, started and stopped together."""
