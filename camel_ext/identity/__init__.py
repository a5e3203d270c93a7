"""Who is asking: organisations, projects, principals, roles and keys; the doors of a request.

It answers "who is this and what may it do". It is not where tenancy is enforced (that is below, in
core), and it knows no sessions, passwords or single sign-on yet.
"""

from camel_ext.identity.doors import (
    ActorDoor,
    Editor,
    Operator,
    Owner,
    Viewer,
    authenticate,
    check_operator,
)
from camel_ext.identity.models import PrincipalKind, Project, Role
from camel_ext.identity.service import Actor, Bootstrapped, bootstrap, list_principals, prove
from camel_ext.identity.sign_ins import make_code

__all__ = [
    "Actor",
    "ActorDoor",
    "Bootstrapped",
    "Editor",
    "Operator",
    "Owner",
    "PrincipalKind",
    "Project",
    "Role",
    "Viewer",
    "authenticate",
    "bootstrap",
    "check_operator",
    "list_principals",
    "make_code",
    "prove",
]
