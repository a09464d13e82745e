# What `homeport.__getattr__` finds. A stub, so that import rules see what is really imported at run time.
from homeport.client.async_client import AsyncClient as AsyncClient
from homeport.client.contexts import Context as Context
from homeport.client.nouns.compute_cluster import AsyncComputeCluster as AsyncComputeCluster
from homeport.client.nouns.compute_cluster import ComputeCluster as ComputeCluster
from homeport.client.nouns.deployment import AsyncDeployment as AsyncDeployment
from homeport.client.nouns.deployment import Deployment as Deployment
from homeport.client.nouns.model import AsyncModel as AsyncModel
from homeport.client.nouns.model import Model as Model
from homeport.client.nouns.nodepool import AsyncNodepool as AsyncNodepool
from homeport.client.nouns.nodepool import Nodepool as Nodepool
from homeport.client.nouns.user import AsyncUser as AsyncUser
from homeport.client.nouns.user import User as User
from homeport.client.sync_client import Client as Client
from homeport.core.errors import ErrorCode as ErrorCode
from homeport.core.errors import HomeportError as HomeportError

__version__: str
