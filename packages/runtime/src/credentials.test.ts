import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, scratchFolder } from "@atoll/testkit";
import { expect, test } from "vitest";
import { tokenSource, watchTokenFile } from "./credentials.ts";

test("a token file is read again at each call, and a file that is replaced is noticed", async () => {
  using folder = scratchFolder();
  const tokenFile = join(folder.path, "token");
  const replace = (text: string) => {
    writeFileSync(`${tokenFile}.new`, text);
    renameSync(`${tokenFile}.new`, tokenFile);
  };
  writeFileSync(tokenFile, "first\n");
  const token = tokenSource({ tokenFile }, "zone.token");
  expect(token()).toBe("first");
  const seen: string[] = [];
  const watching = watchTokenFile({ tokenFile }, () => seen.push(token()));
  replace("second\n");
  await eventually(() => seen.length > 0);
  replace("second");
  replace("third");
  await eventually(() => seen.at(-1) === "third");
  expect(seen).toEqual(["second", "third"]);
  watching.close();
});

test("without a token the setting is named", () => {
  expect(() => tokenSource({}, "zone.token")).toThrow(/^zone\.token or zone\.tokenFile is required/);
  expect(() => tokenSource({ tokenFile: "/nonexistent/token" }, "zone.token")).toThrow(
    /^zone\.tokenFile: cannot read \/nonexistent\/token/,
  );
});
