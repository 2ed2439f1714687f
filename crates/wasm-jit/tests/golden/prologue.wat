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
    (local i64 i64 i64 i64 i64 i64 i64 i64)
    local.get 0
    i64.load offset=32
    i64.const 8
    i64.sub
    local.set 2
    local.get 0
    i32.const 2
    local.get 2
    i32.const 8
    local.get 0
    i64.load offset=40
    call 2
    i64.extend_i32_u
    local.tee 3
    i64.const 1
    i64.eq
    if ;; label = @1
      i32.const -2147483648
      return
    end
    local.get 3
    i32.wrap_i64
    if ;; label = @1
      local.get 0
      local.get 2
      local.get 0
      local.get 0
      i64.load offset=128
      i64.const 1
      i64.add
      i64.store offset=128
      i64.store offset=32
      i32.const 1
      return
    end
    local.get 2
    i64.const 32
    i64.sub
    local.set 4
    local.get 2
    i64.const -1
    i64.xor
    local.set 5
    local.get 5
    i64.const 32
    i64.and
    local.get 5
    i64.const 32
    i64.or
    local.get 4
    i64.and
    i64.or
    local.set 6
    local.get 6
    i64.const -4611686018427387904
    i64.and
    local.get 6
    i64.const 8
    i64.and
    i64.or
    local.set 7
    local.get 0
    i64.load offset=128
    i64.const 29
    i64.add
    local.set 8
    local.get 8
    i64.const 16
    i64.shl
    i64.const 16
    i64.shr_s
    local.get 8
    i64.ne
    if ;; label = @1
      local.get 0
      local.get 4
      local.get 0
      local.get 2
      local.get 0
      local.get 4
      local.get 0
      local.get 7
      local.get 0
      local.get 0
      i64.load offset=128
      i64.const 8
      i64.add
      i64.store offset=128
      i64.store offset=144
      i64.store offset=136
      i64.store offset=40
      i64.store offset=32
      i32.const -2147483645
      return
    end
    local.get 4
    i64.const 8
    i64.sub
    local.set 9
    local.get 0
    i32.const 2
    local.get 9
    i32.const 8
    local.get 0
    i64.load offset=128
    i64.const 13
    i64.add
    call 2
    i32.const 1
    i32.eq
    if ;; label = @1
      local.get 0
      local.get 4
      local.get 0
      local.get 2
      local.get 0
      local.get 4
      local.get 0
      local.get 7
      local.get 0
      local.get 0
      i64.load offset=128
      i64.const 8
      i64.add
      i64.store offset=128
      i64.store offset=144
      i64.store offset=136
      i64.store offset=40
      i64.store offset=32
      i32.const -2147483645
      return
    end
    local.get 0
    local.get 9
    local.get 0
    local.get 2
    local.get 0
    local.get 4
    local.get 0
    local.get 7
    local.get 0
    local.get 8
    i64.store offset=128
    i64.store offset=144
    i64.store offset=136
    i64.store offset=40
    i64.store offset=32
    i32.const 4
  )
)
