"""Prometheus's alert rules and Grafana's dashboard, made from the catalogue and from the names of the metrics."""
