"""What is watched: contracts of tables, vital figures of partitions, silent failures, freshness and drift."""
