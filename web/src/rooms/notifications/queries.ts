/** Channels, rules and the delivery log; making, testing and changing them. */
"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, cameSecond, idempotencyKey, unwrap } from "@/kit/api/client";
import type { ChannelCreate, ChannelShown, RuleChange, RulePreview, RuleShown } from "@/kit/api/schema";

import { bodyOf } from "./wanted";

export function useChannels() {
  return useQuery({ queryKey: ["notification-channels"], queryFn: () => unwrap(api.GET("/api/v1/notifications/channels")) });
}

export function useRules() {
  return useQuery({ queryKey: ["notification-rules"], queryFn: () => unwrap(api.GET("/api/v1/notifications/rules")) });
}

export function useEventTypes() {
  return useQuery({ queryKey: ["notification-events"], queryFn: () => unwrap(api.GET("/api/v1/notifications/events")), staleTime: Infinity });
}

export function useDeliveries() {
  return useQuery({ queryKey: ["notification-deliveries"], queryFn: () => unwrap(api.GET("/api/v1/notifications/deliveries", { params: { query: { limit: 30 } } })) });
}

/** What a rule would have noticed, without saving anything; null asks for nothing. */
export function usePreview(wanted: RulePreview | null) {
  return useQuery({
    queryKey: ["notification-rules", "preview", wanted], enabled: wanted !== null, retry: false,
    queryFn: () => unwrap(api.POST("/api/v1/notifications/rules/preview", { body: wanted! })),
  });
}

function useChange<Given, Made>(change: (given: Given) => Promise<Made>, old: string[]) {
  const client = useQueryClient();
  const read = () => Promise.all(old.map((name) => client.invalidateQueries({ queryKey: [name] })));
  return useMutation({ mutationFn: change, onSuccess: read, onError: (error) => cameSecond(error) ? read() : undefined });
}

function asRead({ id, revision }: ChannelShown) {
  return { path: { channel_id: id }, header: { "if-match": `"${revision}"` } };
}

/** Make a channel, or say anew where the one that is given sends, and whether. */
export function useSaveChannel(channel: ChannelShown | undefined) {
  return useChange(({ body, key }: { body: ChannelCreate; key: string }): Promise<ChannelShown> => channel
    ? unwrap(api.PUT("/api/v1/notifications/channels/{channel_id}", { params: asRead(channel), body: { config: body.config, enabled: body.enabled } }))
    : unwrap(api.POST("/api/v1/notifications/channels", { body, headers: { "Idempotency-Key": key } })), ["notification-channels"]);
}

/** A fresh secret, once; the one before signs for a day, too. */
export function useRotate() {
  return useChange((channel: ChannelShown) => unwrap(api.POST("/api/v1/notifications/channels/{channel_id}/rotate-secret", { params: asRead(channel) })), ["notification-channels"]);
}

export function useDeleteChannel() {
  return useChange((channel: ChannelShown) => unwrap(api.DELETE("/api/v1/notifications/channels/{channel_id}", { params: asRead(channel) })), ["notification-channels"]);
}

export function useTest() {
  return useChange(({ id }: ChannelShown) => unwrap(api.POST("/api/v1/notifications/channels/{channel_id}/test", { params: { path: { channel_id: id } }, headers: { "Idempotency-Key": idempotencyKey() } })), ["notification-deliveries"]);
}

function putRule(rule: RuleShown, body: RuleChange) {
  const params = { path: { rule_id: rule.id }, header: { "if-match": `"${rule.revision}"` } };
  return unwrap(api.PUT("/api/v1/notifications/rules/{rule_id}", { params, body }));
}

/** Make a rule, or put another body into the one that is given. */
export function useSaveRule(rule: RuleShown | undefined) {
  return useChange(({ body, key }: { body: RuleChange; key: string }) => rule ? putRule(rule, body) : unwrap(api.POST("/api/v1/notifications/rules", { body, headers: { "Idempotency-Key": key } })), ["notification-rules"]);
}

export function useTurn() {
  return useChange((rule: RuleShown) => putRule(rule, { ...bodyOf(rule), enabled: !rule.enabled }), ["notification-rules"]);
}

export function useDeleteRule() {
  return useChange(({ id, revision }: RuleShown) => unwrap(api.DELETE("/api/v1/notifications/rules/{rule_id}", { params: { path: { rule_id: id }, header: { "if-match": `"${revision}"` } } })), ["notification-rules"]);
}

export function useResend() {
  return useChange((id: string) => unwrap(api.POST("/api/v1/notifications/deliveries/{delivery_id}/resend", { params: { path: { delivery_id: id } } })), ["notification-deliveries"]);
}
