package main

import (
	"context"
	"slices"
	"time"

	modal "github.com/modal-labs/modal-client/go"
)

// What is known of a function, of one of its calls and of its app, after a call of it by its id.
func known(ctx context.Context, client *modal.Client, s step) (any, error) {
	named, err := client.Functions.FromName(ctx, s.App, s.Name, nil)
	if err != nil {
		return nil, err
	}
	function, err := client.Functions.FromID(ctx, named.FunctionID)
	if err != nil {
		return nil, err
	}
	call, err := function.Spawn(ctx, s.Args, nil)
	if err != nil {
		return nil, err
	}
	result, err := call.Get(ctx, nil)
	if err != nil {
		return nil, err
	}
	said, err := lastLine(ctx, call)
	if err != nil {
		return nil, err
	}
	latest, err := function.Logs.Tail(ctx, nil)
	if err != nil {
		return nil, err
	}
	lines := []string{}
	for entry, err := range latest {
		if err != nil {
			return nil, err
		}
		lines = append(lines, entry.Message)
	}
	stats, err := function.Stats(ctx, nil)
	if err != nil {
		return nil, err
	}
	metrics, err := function.Metrics.Export(ctx, &modal.FunctionMetricsExportParams{Groups: []string{"calls"}})
	if err != nil {
		return nil, err
	}
	schema, err := function.Metrics.Schema(ctx, nil)
	if err != nil {
		return nil, err
	}
	app, err := client.Apps.FromName(ctx, s.App, nil)
	if err != nil {
		return nil, err
	}
	info, err := app.Info(ctx, &modal.AppInfoParams{Refresh: true})
	if err != nil {
		return nil, err
	}
	one, window := uint32(1), 5*time.Second
	settings, err := function.UpdateAutoscaler(ctx, &modal.FunctionUpdateAutoscalerParams{MaxContainers: &one, ScaledownWindow: &window})
	if err != nil {
		return nil, err
	}
	_, counted := metrics.Series["successful_calls_count"]
	return map[string]any{"result": result, "said": said, "latest": slices.Contains(lines, said), "done": stats.InputSuccessCount > 0, "counted": counted,
		"schema": len(schema["calls"].Definitions) > 0, "state": info.Lifecycle.State, "same": info.Functions[s.Name] == named.FunctionID,
		"settings": []any{*settings.MaxContainers, settings.ScaledownWindow.Milliseconds()}}, nil
}

// Of what a call printed; it is kept a moment after its result.
func lastLine(ctx context.Context, call *modal.FunctionCall) (string, error) {
	for said := ""; ; {
		entries, err := call.Logs.Fetch(ctx, &modal.FunctionCallLogFetchParams{Source: modal.LogSourceStdout})
		if err != nil {
			return "", err
		}
		for entry, err := range entries {
			if err != nil {
				return "", err
			}
			said = entry.Message
		}
		if said != "" {
			return said, nil
		}
	}
}

// What two calls at a time give: of a variant that takes both at once, or both as one batch.
func pair(ctx context.Context, client *modal.Client, s step) (any, error) {
	function, err := client.Functions.FromName(ctx, s.App, s.Name, nil)
	if err != nil {
		return nil, err
	}
	one := 1
	function = function.WithOptions(&modal.FunctionWithOptionsParams{MaxContainers: &one})
	if s.Batch {
		function = function.WithBatching(&modal.FunctionWithBatchingParams{MaxBatchSize: 2, Wait: time.Minute})
	} else {
		function = function.WithConcurrency(&modal.FunctionWithConcurrencyParams{MaxInputs: 2})
	}
	variant, err := function.Instance(ctx)
	if err != nil {
		return nil, err
	}
	calls := []*modal.FunctionCall{}
	for i := range 2 {
		call, err := variant.Spawn(ctx, []any{i}, nil)
		if err != nil {
			return nil, err
		}
		calls = append(calls, call)
	}
	results := []any{}
	for _, call := range calls {
		result, err := call.Get(ctx, nil)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}
