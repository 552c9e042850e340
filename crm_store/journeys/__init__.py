"""Campaigns as journeys: a trigger, steps, exits; planned by set-based SQL, keyed so that nothing fires twice."""
