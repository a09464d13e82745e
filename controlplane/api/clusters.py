from controlplane.api.collection import Collection
from controlplane.api.queries import ClusterQuery
from controlplane.fleet.kinds import CLUSTER
from homeport.schema.edited import EditedCluster
from homeport.schema.resources import Cluster

CLUSTERS = Collection(CLUSTER, "clusters", "/clusters", "/clusters/{cluster}", ClusterQuery, Cluster, EditedCluster)
