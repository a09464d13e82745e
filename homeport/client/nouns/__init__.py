"""User, ComputeCluster, Nodepool, Deployment and Model: the SDK by nouns, each in a blocking and an asyncio form.

They add nothing to `homeport.client.Client`; they read like the configuration files: a parent makes its children.
"""
