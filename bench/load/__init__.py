"""The agent's /readyz under load, beside Envoy's admin interface."""
