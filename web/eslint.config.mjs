// What the house holds by machine: small files, floors, no way to run untrusted text.
import next from "eslint-config-next/core-web-vitals";
import typescript from "eslint-config-next/typescript";

const restrict = (...patterns) => ["error", { patterns: patterns.map(([group, message]) => ({ group: [group], message })) }];

const config = [
  ...next,
  ...typescript,
  { ignores: ["out/**", ".next/**", "next-env.d.ts", "src/kit/api/schema.ts"] },
  {
    files: ["src/**/*.{ts,tsx}"],
    rules: {
      "max-lines": ["error", { max: 250, skipBlankLines: true, skipComments: true }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-restricted-syntax": ["error", {
        selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
        message: "text of models and logs is data: show it as text (kit/text)",
      }],
    },
  },
  { // app -> rooms -> kit; a room knows no other room
    files: ["src/rooms/**"],
    rules: { "no-restricted-imports": restrict(["@/rooms/*", "a room imports its own files by ./ and no other room"], ["@/app/*", "app stands above the rooms"], ["uplot", "charts are drawn by kit/charts"], ["../../*", "a room imports the kit as @/kit"]) },
  },
  {
    files: ["src/kit/**"],
    rules: { "no-restricted-imports": restrict(["@/rooms/*", "the kit knows no room"], ["@/app/*", "the kit knows no route"]) },
  },
];

export default config;
