"""Another organisation's library: school gardens. It shares no word with the clubs."""
