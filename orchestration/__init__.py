"""When and where: definitions, settings, partitions, jobs, schedules, sensors, and the main job."""
