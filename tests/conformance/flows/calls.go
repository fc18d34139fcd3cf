package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	modal "github.com/modal-labs/modal-client/go"
)

// JSON has no bytes: {"bytes": "aGk=", "times": 2} are those of "hihi".
func real(value any) any {
	v, ok := value.(map[string]any)
	if !ok {
		return value
	}
	text, ok := v["bytes"].(string)
	if !ok {
		return value
	}
	once, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	if times, ok := v["times"].(float64); ok {
		return bytes.Repeat(once, int(times))
	}
	return once
}

func list(args []any) []any {
	for i, value := range args {
		args[i] = real(value)
	}
	return args
}

// JSON knows one kind of number; parameters of classes are whole ones.
func parameters(params map[string]any) map[string]any {
	for name, value := range params {
		if number, ok := value.(float64); ok {
			params[name] = int64(number)
		} else {
			params[name] = real(value)
		}
	}
	return params
}

// CBOR has maps with keys of any kind, JSON has not.
func plain(value any) any {
	switch v := value.(type) {
	case []byte:
		return map[string]any{"bytes": v}
	case map[any]any:
		named := map[string]any{}
		for key, each := range v {
			named[fmt.Sprint(key)] = plain(each)
		}
		return named
	case []any:
		for i, each := range v {
			v[i] = plain(each)
		}
	}
	return value
}

// Of a class, or of its variant with these variables; at once, or by a call of its own.
func callMethod(ctx context.Context, client *modal.Client, s step) (any, error) {
	cls, err := client.Cls.FromName(ctx, s.App, s.Name, nil)
	if err != nil {
		return nil, err
	}
	if s.Env != nil {
		one := 1
		cls = cls.WithOptions(&modal.ClsWithOptionsParams{Env: s.Env, MaxContainers: &one})
	}
	instance, err := cls.Instance(ctx, parameters(s.Params))
	if err != nil {
		return nil, err
	}
	method, err := instance.Method(s.Method)
	if err != nil {
		return nil, err
	}
	if !s.Spawn {
		return method.Remote(ctx, list(s.Args), nil)
	}
	call, err := method.Spawn(ctx, list(s.Args), nil)
	if err != nil {
		return nil, err
	}
	return call.Get(ctx, nil)
}

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
