"""Models, adapters, their immutable versions, and the aliases that share traffic between them.

Everything that is asked or trained is named here. It is not an engine: it opens no model file, calls
no provider and reads no secret; it says where a secret lies.
"""
