"""A replica's stand-in: what Pomerium shows to a process outside it, around a real Envoy and a real storage backend.

It exists so that pomhealth can be tried and tested without Pomerium; it protects nothing. Where Pomerium's
behaviour is known (its source, recordings of live replicas), the stand-in behaves so; it does no more than that.
"""
