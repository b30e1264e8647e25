"""The series store of a server: Postgres, months as partitions, rows in and out in binary."""
