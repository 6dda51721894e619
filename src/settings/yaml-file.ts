import { isMap, isScalar, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { SettingsError } from './settings-error.ts';

/** One `key: value` of a mapping, with where it stands. */
export interface YamlEntry {
  readonly key: string;
  readonly value: Node | undefined;
  readonly line: number;
}

/** A file in YAML 1.2, read so that every complaint about it can name a line. */
export interface YamlFile {
  readonly root: Node | undefined;
  lineOf(node: Node | undefined): number | undefined;
  /** The entries of a mapping. @throws {@link SettingsError} where `node` is none; `what` says what it should be */
  entries(node: Node | undefined, what: string): readonly YamlEntry[];
  fail(problem: string, node: Node | undefined): never;
}

/** @throws {@link SettingsError} where the text is no YAML */
export function readYaml(text: string, file: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [error] = document.errors;
  if (error) throw new SettingsError(file, sentence(error.message), lines.linePos(error.pos[0]).line);

  const lineOf = (node: Node | undefined): number | undefined =>
    node?.range ? lines.linePos(node.range[0]).line : undefined;
  const fail = (problem: string, node: Node | undefined): never => {
    throw new SettingsError(file, problem, lineOf(node));
  };
  return {
    root: document.contents ?? undefined,
    lineOf,
    fail,
    entries(node, what) {
      if (!isMap(node)) return fail(`${what} must be a mapping of names to values.`, node);
      return (node as YAMLMap<Node, Node | null>).items.map(({ key, value }) => {
        if (!isScalar(key)) return fail(`${what} must have plain names.`, key);
        return { key: String(key.value), value: value ?? undefined, line: lineOf(key) ?? 1 };
      });
    },
  };
}

function sentence(message: string): string {
  const text = message.trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
