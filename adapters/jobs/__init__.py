"""Jobs at their times (APScheduler), and the threads of a process that are started again when they fail."""
