"""The route of verifiers: which there are, and what each takes. It runs none."""

from camel_ext.core.http import problems
from camel_ext.core.routes import Router
from camel_ext.identity import Viewer
from camel_ext.verifiers.registry import list_verifiers
from camel_ext.verifiers.schemas import VerifierShown

router = Router(prefix="/api/v1/verifiers", tags=["verifiers"])


@router.get("", responses=problems(), summary="Verifiers that can be run, with what each takes")
async def list_(_door: Viewer) -> list[VerifierShown]:
    return [
        VerifierShown(
            name=each.name,
            description=each.description,
            parameters=each.params_schema,
            slow=each.awaited,
        )
        for each in list_verifiers()
    ]
