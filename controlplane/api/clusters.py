from controlplane.api.collection import Collection
from controlplane.api.queries import ClusterQuery
from controlplane.fleet.kinds import CLUSTER
from homeport.schema.resources import Cluster, EditedCluster

CLUSTERS = Collection(CLUSTER, "clusters", "/clusters", "/clusters/{cluster}", ClusterQuery, Cluster, EditedCluster)
