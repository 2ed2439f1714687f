(module
  (type (;0;) (func (param i64 i64) (result i32)))
  (type (;1;) (func (param i64 i32 i64 i32) (result i64)))
  (type (;2;) (func (param i64 i32 i64 i32 i64) (result i32)))
  (import "env" "memory" (memory (;0;) i64 1))
  (import "env" "load" (func (;0;) (type 1)))
  (import "env" "load_for_write" (func (;1;) (type 1)))
  (import "env" "store" (func (;2;) (type 2)))
  (export "b0" (func 3))
  (func (;3;) (type 0) (param i64 i64) (result i32)
    (local i64 i64 i64 i64 i64)
    local.get 0
    i64.load
    local.get 0
    i64.load offset=24
    i64.add
    local.set 2
    local.get 0
    i64.load offset=8
    local.set 3
    local.get 3
    local.get 2
    i64.sub
    local.set 4
    local.get 3
    i64.const -1
    i64.xor
    local.set 5
    local.get 5
    local.get 2
    i64.and
    local.get 5
    local.get 2
    i64.or
    local.get 4
    i64.and
    i64.or
    local.set 6
    local.get 0
    local.get 2
    local.get 0
    local.get 4
    local.get 0
    local.get 4
    local.get 0
    local.get 6
    i64.const -4611686018427387904
    i64.and
    local.get 6
    i64.const 8
    i64.and
    i64.or
    local.get 0
    local.get 0
    i64.load offset=128
    i64.const 6
    i64.add
    i64.store offset=128
    i64.store offset=144
    i64.store offset=136
    i64.store offset=8
    i64.store
    i32.const 2
  )
)
