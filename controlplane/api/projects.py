from controlplane.api.collection import Collection
from controlplane.api.queries import ProjectQuery
from controlplane.fleet.kinds import PROJECT
from homeport.schema.edited import EditedProject
from homeport.schema.resources import Project

PROJECTS = Collection(PROJECT, "projects", "/projects", "/projects/{project}", ProjectQuery, Project, EditedProject)
