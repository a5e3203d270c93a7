/** Names of model and adapter versions: rows carry ids, people read `name@number`. */
"use client";

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { api, unwrap } from "./client";
import type { CamelExtRegistrySchemasVersionShown, ModelShown } from "./schema";

type VersionShown = CamelExtRegistrySchemasVersionShown;
export interface Named { id: string; name: string; model: ModelShown; version: VersionShown }

async function readVersions(): Promise<Named[]> {
  const models = await pages((cursor) => unwrap(api.GET("/api/v1/models", { params: { query: { limit: 200, cursor } } })));
  const each = await Promise.all(models.map(async (model) => {
    const versions = await pages((cursor) => unwrap(api.GET("/api/v1/models/{name}/versions", { params: { path: { name: model.name }, query: { limit: 200, cursor } } })));
    return versions.map((version) => ({ id: version.id, name: `${model.name}@${version.number}`, model, version }));
  }));
  return each.flat();
}

async function pages<T>(read: (cursor: string | undefined) => Promise<{ items: T[]; next_cursor: string | null }>): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    all.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return all;
}

/** All versions of the project, newest model first, with a look-up in both directions. */
export function useVersions() {
  const { data, error, isPending, refetch } = useQuery({ queryKey: ["models", "all-versions"], queryFn: readVersions, staleTime: 60_000 });
  return useMemo(() => {
    const byId = new Map(data?.map((each) => [each.id, each]));
    const byName = new Map(data?.map((each) => [each.name, each]));
    return { all: data ?? [], isPending, error, refetch, nameOf: (id: string | null | undefined) => (id ? byId.get(id)?.name ?? null : null), named: (id: string | null | undefined) => (id ? byId.get(id) : undefined), idOf: (name: string) => byName.get(name)?.id ?? null };
  }, [data, error, isPending, refetch]);
}
