/** The editor for YAML: CodeMirror, loaded when it is needed. Completion by the schema, problems at their places. */
"use client";

import { autocompletion, type Completion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, defaultHighlightStyle, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useLayoutEffect, useRef } from "react";

import type { ProblemShown } from "@/kit/api/schema";

import { offers, placeAt, type Schema } from "./completion";

export interface EditorProps {
  file: string; text: string; onChange: (text: string) => void; onCursor: (offset: number) => void;
  problems: ProblemShown[]; schema: Schema | undefined; known: Partial<Record<string, string[]>>;
  /** Put the cursor there; a new object each time it is asked for. */ jump: { offset: number } | null;
}

const LOOK = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", backgroundColor: "var(--surface)", color: "var(--text)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono, monospace)", lineHeight: "20px" },
  ".cm-gutters": { backgroundColor: "var(--subtle)", color: "var(--text-3)", border: "none" },
  ".cm-activeLine": { backgroundColor: "color-mix(in oklab, var(--accent-soft) 55%, transparent)" }, ".cm-activeLineGutter": { backgroundColor: "var(--accent-soft)", color: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground, ::selection": { backgroundColor: "var(--accent-line) !important" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
  ".cm-tooltip": { backgroundColor: "var(--surface)", border: "1px solid var(--border)", borderRadius: "8px", color: "var(--text)", overflow: "hidden" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" }, ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--text)" },
  ".cm-completionDetail": { color: "var(--text-3)", fontStyle: "normal" }, ".cm-diagnostic": { padding: "6px 10px" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--failed)" }, ".cm-diagnostic-warning": { borderLeft: "3px solid var(--attention)" },
});
const INK: Record<string, string> = { propertyName: "var(--accent)", comment: "var(--text-3)", string: "var(--succeeded)", number: "var(--attention)", bool: "var(--attention)", null: "var(--attention)", keyword: "var(--running)" };
const COLOURS = HighlightStyle.define(defaultHighlightStyle.specs.flatMap((spec) => {
  const tags = Array.isArray(spec.tag) ? spec.tag : [spec.tag];
  return tags.map((tag) => ({ tag, color: Object.entries(INK).find(([name]) => String(tag).includes(name))?.[1] ?? "var(--text)" }));
}));

export default function Editor(props: EditorProps) {
  const holder = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  useLayoutEffect(() => { latest.current = props; });

  useEffect(() => {
    const complete = autocompletion({ override: [(context) => {
      const { schema, known } = latest.current;
      const place = placeAt(context.state.doc.toString(), context.pos);
      const word = context.matchBefore(/[\w-]*/);
      if (!schema || !word || (word.from === word.to && !context.explicit && place.key === null)) return null;
      const options: Completion[] = offers(schema, place, known).map((each) => ({ label: each.label, apply: each.insert, info: each.about || undefined, type: place.key === null ? "property" : "enum" }));
      return options.length > 0 ? { from: word.from, options, validFor: /^[\w-]*$/ } : null;
    }] });
    const made = new EditorView({
      parent: holder.current!,
      state: EditorState.create({
        doc: latest.current.text,
        extensions: [
          lineNumbers(), lintGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(),
          yaml(), syntaxHighlighting(COLOURS), complete, LOOK, EditorView.lineWrapping, EditorView.contentAttributes.of({ "aria-label": latest.current.file }),
          keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap, ...searchKeymap, indentWithTab]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
            if (update.docChanged || update.selectionSet) latest.current.onCursor(update.state.selection.main.head);
          }),
        ],
      }),
    });
    view.current = made;
    return () => { made.destroy(); view.current = null; };
  }, [props.file]);

  useEffect(() => { // restored, imported, taken from the server: what is typed here is the same already
    const now = view.current;
    if (now && now.state.doc.toString() !== props.text) now.dispatch({ changes: { from: 0, to: now.state.doc.length, insert: props.text } });
  }, [props.text]);

  useEffect(() => {
    const now = view.current;
    if (!now) return;
    const found = props.problems.filter((each) => each.file === props.file).map((each): Diagnostic => {
      const line = now.state.doc.line(Math.min(Math.max(each.line, 1), now.state.doc.lines));
      const from = Math.min(line.from + Math.max(each.column - 1, 0), line.to);
      return { from, to: Math.max(from, line.to), severity: each.severity, message: [each.message, each.fix].filter(Boolean).join(" ") };
    });
    now.dispatch(setDiagnostics(now.state, found));
  }, [props.problems, props.file]);

  useEffect(() => {
    const now = view.current;
    if (!now || !props.jump) return;
    const anchor = Math.min(props.jump.offset, now.state.doc.length);
    now.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    now.focus();
  }, [props.jump]);

  return <div ref={holder} className="h-full min-h-0 overflow-hidden" />;
}
