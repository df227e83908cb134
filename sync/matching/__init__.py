"""Who may be one person, registered twice: found when somebody is registered, kept for people."""
