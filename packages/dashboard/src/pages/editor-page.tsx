import { type FleetChanges, shortKey } from "@atoll/rest-answers";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";
import { basicSetup, EditorView } from "codemirror";
import { useEffect, useRef, useState } from "preact/hooks";
import { parseAllDocuments, stringify } from "yaml";
import { Fleet } from "../parts/fleet.tsx";
import { Section } from "../parts/shown.tsx";
import { get, post } from "../rest.ts";
import { go, linkTo, route } from "../route.ts";
import { useSending } from "../sending.ts";

interface Answer {
  revision: number;
  changed: string[];
  warnings?: string[];
  fleet?: FleetChanges;
}

/** Those of the page, which are read in the light and in the dark. */
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.string, tags.content, tags.attributeValue], color: "var(--text)" },
  { tag: [tags.comment, tags.meta, tags.punctuation, tags.separator], color: "var(--quiet)" },
  { tag: [tags.keyword, tags.bool, tags.number, tags.typeName], color: "var(--worry)" },
]);

const example = `type: Timeout
mesh: default
name: example
sources:
- match:
    kuma.io/service: '*'
destinations:
- match:
    kuma.io/service: '*'
conf:
  connectTimeout: 5s
`;

/** Documents that the control plane checks, whose effect is shown before they are applied. */
export function EditorPage() {
  const path = route.value.query.get("path");
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView | undefined>(undefined);
  const [tried, setTried] = useState<{ text: string; answer: Answer } | undefined>(undefined);
  const [reason, setReason] = useState("");
  const { busy, error, fail, send } = useSending();
  const [text, setText] = useState(example);

  useEffect(() => {
    const view = new EditorView({
      doc: example,
      parent: place.current!,
      extensions: [
        basicSetup,
        yaml(),
        syntaxHighlighting(colours),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": "Documents in YAML" }),
        EditorView.updateListener.of((update) => update.docChanged && setText(update.state.doc.toString())),
      ],
    });
    editor.current = view;
    return () => view.destroy();
  }, []);

  useEffect(() => {
    if (path === null) return;
    get<Record<string, unknown>>(path).then(
      ({ creationTime: _created, modificationTime: _modified, status: _status, ...document }) =>
        editor.current?.dispatch({ changes: { from: 0, to: editor.current.state.doc.length, insert: stringify(document) } }),
      fail,
    );
  }, [path]);

  const change = async (query: string, then: (answer: Answer) => void) => {
    const done = await send(async () =>
      then(await post<Answer>(`/changes${query}`, { resources: documentsOf(text), ...(reason !== "" && query === "" && { reason }) })),
    );
    if (!done) setTried(undefined);
  };
  const isTried = tried?.text === text;
  return (
    <>
      <h1>Editor</h1>
      <div ref={place} class="editor" />
      <p class="actions">
        <button
          type="button"
          disabled={busy}
          onClick={() => void change("?dry_run=true&proxies=true", (answer) => setTried({ text, answer }))}
        >
          Check and show what it would do
        </button>
        <label>
          Why <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <button
          type="button"
          class="danger"
          disabled={busy || !isTried || tried.answer.changed.length === 0}
          onClick={() => void change("", ({ revision }) => go(linkTo("changes", revision)))}
        >
          Apply
        </button>
        {!isTried && <span class="quiet">What was not checked is not applied.</span>}
      </p>
      {error !== undefined && (
        <pre class="problem" role="alert">
          {error}
        </pre>
      )}
      {isTried && (
        <Section title="What it would do">
          {(tried.answer.warnings ?? []).map((warning) => (
            <p key={warning} class="warning">
              {warning}
            </p>
          ))}
          <p>{tried.answer.changed.length === 0 ? "Nothing would change." : tried.answer.changed.map(shortKey).join(", ")}</p>
          {tried.answer.fleet && <Fleet fleet={tried.answer.fleet} />}
        </Section>
      )}
    </>
  );
}

/** @throws Error that names the line */
function documentsOf(text: string): unknown[] {
  const documents = parseAllDocuments(text);
  const fault = documents.flatMap((document) => document.errors)[0];
  if (fault) throw new Error(fault.message);
  return documents.map((document) => document.toJS() as unknown).filter((document) => document !== null);
}
