package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	modal "github.com/modal-labs/modal-client/go"
)

// What a call gives that is asked by its id, twice; how one ends that is cancelled; and what is known of its function meanwhile.
func spawn(ctx context.Context, client *modal.Client, s step) (any, error) {
	function, err := client.Functions.FromName(ctx, s.App, s.Name, nil)
	if err != nil {
		return nil, err
	}
	made, err := function.Spawn(ctx, s.Args, nil)
	if err != nil {
		return nil, err
	}
	call, err := client.FunctionCalls.FromID(ctx, made.FunctionCallID, nil)
	if err != nil {
		return nil, err
	}
	now := time.Duration(0)
	first, err := call.Get(ctx, nil)
	if err != nil {
		return nil, err
	}
	second, err := call.Get(ctx, &modal.FunctionCallGetParams{Timeout: &now})
	if err != nil {
		return nil, err
	}
	hang, err := client.Functions.FromName(ctx, s.App, "hang", nil)
	if err != nil {
		return nil, err
	}
	one, window := uint32(1), 5*time.Second
	if _, err := hang.UpdateAutoscaler(ctx, &modal.FunctionUpdateAutoscalerParams{MaxContainers: &one, ScaledownWindow: &window}); err != nil {
		return nil, err
	}
	hanging, err := hang.Spawn(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	_, early := hanging.Get(ctx, &modal.FunctionCallGetParams{Timeout: &now})
	stats, err := hang.GetCurrentStats(ctx, nil)
	if err != nil {
		return nil, err
	}
	if err := hanging.Cancel(ctx, &modal.FunctionCallCancelParams{TerminateContainers: true}); err != nil {
		return nil, err
	}
	_, end := hanging.Get(ctx, nil)
	return map[string]any{"results": []any{first, second}, "early": strings.TrimPrefix(fmt.Sprintf("%T", early), "modal."),
		"there": stats.Backlog+stats.NumTotalRunners > 0, "end": fmt.Sprint(end)}, nil
}
