import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useData } from "./data.ts";
import { connection, revision } from "./live.ts";
import { ChangePage } from "./pages/change-page.tsx";
import { ChangesPage } from "./pages/changes-page.tsx";
import { EditorPage } from "./pages/editor-page.tsx";
import { OverviewPage } from "./pages/overview-page.tsx";
import { PoliciesPage } from "./pages/policies-page.tsx";
import { ProxiesPage } from "./pages/proxies-page.tsx";
import { ProxyPage } from "./pages/proxy-page.tsx";
import { TokensPage } from "./pages/tokens-page.tsx";
import { TopologyPage } from "./pages/topology-page.tsx";
import { SignIn } from "./parts/sign-in.tsx";
import { linkTo, route } from "./route.ts";

const pages: { path: string; title: string; show: (parts: readonly string[]) => ComponentChildren }[] = [
  { path: "", title: "Overview", show: () => <OverviewPage /> },
  { path: "changes", title: "Changes", show: ([one]) => (one === undefined ? <ChangesPage /> : <ChangePage revision={Number(one)} />) },
  {
    path: "proxies",
    title: "Proxies",
    show: ([kind, mesh, name]) => (name === undefined ? <ProxiesPage /> : <ProxyPage kind={kind!} mesh={mesh!} name={name} />),
  },
  { path: "topology", title: "Topology", show: () => <TopologyPage /> },
  { path: "policies", title: "Policies", show: () => <PoliciesPage /> },
  { path: "tokens", title: "Tokens", show: () => <TokensPage /> },
  { path: "editor", title: "Editor", show: () => <EditorPage /> },
];

const states = { connecting: "connecting", live: "live", lost: "connection lost" } as const;

export function App() {
  const { parts } = route.value;
  const [first = "", ...rest] = parts;
  const page = pages.find(({ path }) => path === first) ?? pages[0]!;
  const index = useData<{ hostname: string }>("/", "never").value;
  const main = useRef<HTMLElement>(null);
  const place = parts.join("/");
  useEffect(() => {
    document.title = `${page.title} · Atoll`;
    main.current?.focus();
  }, [place]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to content
      </a>
      <header>
        <span class="brand">
          <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
            <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="3" stroke-dasharray="9 2.5" />
          </svg>
          Atoll
        </span>
        <nav aria-label="Pages">
          {pages.map(({ path, title }) => (
            <a key={path} href={linkTo(...(path === "" ? [] : [path]))} aria-current={page.path === path ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span class="state" role="status">
          <span class={`dot ${connection.value === "live" ? "good" : "bad"}`} aria-hidden="true" />
          {states[connection.value]}
          {revision.value > 0 && ` · revision ${revision.value}`}
          {index && <span class="quiet"> · {index.hostname}</span>}
        </span>
        <SignIn />
      </header>
      <main ref={main} tabIndex={-1} id="main" key={page.path}>
        {page.show(rest)}
      </main>
    </>
  );
}
