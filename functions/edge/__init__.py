"""What stands between Lambda and the domain: events, answers, settings, AWS clients."""
