"""A wheel carries the web app built: who installs it needs no Node. Refuses to make one without."""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WITHOUT = "CAMEL_EXT_BUILD_WITHOUT_WEB"


class WebAppHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling has no types
    """Put web/out into the wheel as camel_ext/_web."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Do it, but for an editable install, which serves web/out where it is."""
        if version == "editable":
            return
        out = Path(self.root, "web", "out")
        if (out / "csp.json").is_file():
            build_data["force_include"][str(out)] = "camel_ext/_web"
        elif os.environ.get(WITHOUT) != "1":
            raise RuntimeError(
                "web/out is not built, so this wheel would have no web app: run `make web` first, "
                f"or say {WITHOUT}=1 to make one without"
            )
        else:
            self.app.display_warning("this wheel has no web app: web/out is not built")
