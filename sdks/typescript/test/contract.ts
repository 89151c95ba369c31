/** The files of contract/, which bind all clients. */

import { readFileSync, readdirSync } from "node:fs";

export type Json = any;

const FOLDER = new URL("../../../../contract/", import.meta.url);

/** Read one of them. */
export function contract(path: string): Json {
  return JSON.parse(contractText(path));
}

/** Read one of them as it is. */
export function contractText(path: string): string {
  return readFileSync(new URL(path, FOLDER), "utf8");
}

/** Name all of a folder. */
export function contractNames(folder: string): string[] {
  return readdirSync(new URL(folder, FOLDER));
}

export const examples: Record<string, { status: number; answer: Json; location?: string }> = contract("examples.json");
