import { useRef } from "preact/hooks";
import { useData } from "../data.ts";
import { signIn, token } from "../rest.ts";

/** Who the control plane takes the reader for, and another token. It stays in this tab. */
export function SignIn() {
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const { value, error } = useData<{ name: string; because?: string }>("/who-am-i", "never");
  const name = value?.name.replace("mesh-system:", "") ?? (error ? "not signed in" : "");
  return (
    <>
      <button type="button" class="plain" title={value?.because} onClick={() => dialog.current?.showModal()}>
        {name === "" ? "…" : name}
      </button>
      <dialog ref={dialog} aria-labelledby="sign-in-title">
        <form
          method="dialog"
          onSubmit={() => {
            signIn(input.current?.value ?? "");
          }}
        >
          <h2 id="sign-in-title">Sign in</h2>
          <p>
            A user token, as <code>atollctl generate user-token</code> prints it. It is kept in this tab until it is closed. Without one you
            are whom the control plane takes this machine for.
          </p>
          {error && <p class="problem">{error.message}</p>}
          <label>
            Token <input ref={input} type="password" autocomplete="off" defaultValue={token.value} />
          </label>
          <p class="actions">
            <button type="submit">Use it</button>
            <button type="button" class="plain" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}
