;; 00  movsd xmm0,qword [rax]
;; 04  mulsd xmm0,xmm1
;; 08  addsd xmm0,xmm1
;; 0c  comisd xmm0,xmm2
;; 10  ja 14h
(module
  (type (;0;) (func (param i64 i64) (result i64)))
  (type (;1;) (func (param i64 i64 i64 i64) (result i64)))
  (type (;2;) (func (param i64 i64 i64 i64) (result i64)))
  (type (;3;) (func (param i64 i64 i64 i64 i64) (result i64)))
  (type (;4;) (func (param i64 i64 i64) (result i64)))
  (type (;5;) (func (param i64 i64) (result i64)))
  (type (;6;) (func (param i64 i64)))
  (type (;7;) (func (param i64 i64 i64 i64 i64) (result i64)))
  (type (;8;) (func (param i64 i64 i64 i64 i64) (result i64)))
  (type (;9;) (func (param i64 i64 i64 i64 i64 i64) (result i64)))
  (type (;10;) (func (param i64 i64 i64) (result i64)))
  (import "v64" "memory" (memory (;0;) i64 1))
  (import "v64" "table" (table (;0;) i64 1 funcref))
  (import "v64" "find" (func (;0;) (type 1)))
  (import "v64" "find_to_write" (func (;1;) (type 2)))
  (import "v64" "store" (func (;2;) (type 3)))
  (import "v64" "step" (func (;3;) (type 4)))
  (import "v64" "code_address" (func (;4;) (type 5)))
  (import "v64" "jump" (func (;5;) (type 6)))
  (import "v64" "flags_result" (func (;6;) (type 7)))
  (import "v64" "flags_aux" (func (;7;) (type 8)))
  (import "v64" "f80" (func (;8;) (type 9)))
  (elem (;0;) (i64.const 1) func 10)
  (func (;9;) (type 10) (param i64 i64 i64) (result i64)
    (local i64 i64 i64)
    local.get 2
    i64.eqz
    if ;; label = @1
      local.get 0
      i64.load rip
      local.get 0
      i64.load seg_base1
      i64.add
      local.get 0
      i64.load linear_mask
      i64.and
      local.set 3
      local.get 3
      i64.const 7
      i64.shr_u
      i64.const 32736
      i64.and
      local.get 0
      i64.load bank
      i64.add
      local.tee 4
      i64.load offset=16
      local.get 3
      i64.const -4096
      i64.and
      i64.eq
      if ;; label = @2
        local.get 4
        i64.load offset=24
        local.get 3
        i64.add
        local.set 2
      else
        local.get 1
        i64.const 0
        i64.gt_s
        if ;; label = @3
          local.get 0
          local.get 3
          call 4
          local.set 2
        end
      end
    end
    local.get 0
    i64.load32_u code_key
    i64.const 48
    i64.shl
    local.get 2
    i64.xor
    local.set 5
    local.get 5
    i64.const -7046029254386353131
    i64.mul
    i64.const 44
    i64.shr_u
    i64.const -16
    i64.and
    local.get 0
    i64.load entries
    i64.add
    local.set 4
    local.get 4
    i64.load
    local.get 5
    i64.eq
    if ;; label = @1
      local.get 3
      i64.eqz
      i32.eqz
      if ;; label = @2
        local.get 0
        local.get 4
        i64.load offset=8
        call 5
      end
      local.get 0
      local.get 1
      local.get 4
      i64.load offset=8
      return_call_indirect (type 0)
    end
    local.get 4
    i64.const 16
    i64.xor
    local.set 4
    local.get 4
    i64.load
    local.get 5
    i64.eq
    if ;; label = @1
      local.get 3
      i64.eqz
      i32.eqz
      if ;; label = @2
        local.get 0
        local.get 4
        i64.load offset=8
        call 5
      end
      local.get 0
      local.get 1
      local.get 4
      i64.load offset=8
      return_call_indirect (type 0)
    end
    local.get 0
    i64.const 0
    i64.store leave
    local.get 1
  )
  (func (;10;) (type 0) (param i64 i64) (result i64)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 v128 v128 v128 f64 f64 f64 f64)
    local.get 1
    i64.const 5
    i64.lt_s
    (@metadata.code.branch_hint "\00")
    if ;; label = @1
      local.get 0
      i64.const 1
      i64.store leave
      local.get 1
      return
    end
    local.get 0
    i64.load rip
    local.set 2
    local.get 0
    i64.load bank
    local.set 11
    local.get 0
    i64.load gpr0
    local.set 15
    local.get 0
    v128.load xmm0
    local.set 26
    local.get 0
    v128.load xmm1
    local.set 27
    local.get 0
    v128.load xmm2
    local.set 28
    local.get 0
    i64.load flags_kind
    local.set 6
    local.get 0
    i64.load flags_a
    local.set 7
    local.get 0
    i64.load flags_b
    local.set 8
    local.get 0
    i64.load flags_result
    local.set 9
    local.get 0
    i64.load flags_carry
    local.set 10
    block ;; label = @1
      block ;; label = @2
        block ;; label = @3
          block ;; label = @4
            local.get 15
            local.set 12
            local.get 12
            i64.const 7
            i64.shr_u
            i64.const 32736
            i64.and
            local.get 11
            i64.add
            local.tee 13
            i64.load
            local.get 12
            i64.const 7
            i64.add
            i64.const -4096
            i64.and
            i64.ne
            (@metadata.code.branch_hint "\00")
            if (result i64) ;; label = @5
              local.get 0
              local.get 12
              i64.const 8
              local.get 1
              call 0
              local.tee 13
              i64.eqz
              (@metadata.code.branch_hint "\00")
              br_if 1 (;@4;)
              local.get 13
            else
              local.get 13
              i64.load offset=24
              local.get 12
              i64.add
            end
            i64.load align=1
            local.set 16
            local.get 27
            f64x2.extract_lane 0
            local.set 29
            local.get 16
            f64.reinterpret_i64
            local.get 29
            f64.mul
            local.set 30
            local.get 30
            i64.reinterpret_f64
            local.set 17
            local.get 17
            i64.const 52
            i64.shr_u
            i64.const 2047
            i64.and
            local.set 18
            local.get 18
            i64.const -2
            i64.add
            local.set 19
            local.get 27
            f64x2.extract_lane 0
            i64.reinterpret_f64
            local.set 20
            local.get 19
            local.get 16
            i64.const 52
            i64.shr_u
            i64.const 2047
            i64.and
            i64.const -1
            i64.add
            i64.or
            local.get 20
            i64.const 52
            i64.shr_u
            i64.const 2047
            i64.and
            i64.const -1
            i64.add
            i64.or
            i64.const 2046
            local.get 18
            i64.sub
            i64.or
            i64.const 0
            i64.lt_s
            (@metadata.code.branch_hint "\00")
            if ;; label = @5
              local.get 16
              i64.const 1
              i64.shl
              local.set 24
              local.get 20
              i64.const 1
              i64.shl
              local.set 25
              local.get 24
              i64.const -1
              i64.add
              i64.const 9007199254740991
              i64.lt_u
              local.get 25
              i64.const -1
              i64.add
              i64.const 9007199254740991
              i64.lt_u
              i32.or
              i64.const 2045
              local.get 19
              i64.le_u
              local.get 17
              i64.const 1
              i64.shl
              i64.const 0
              i64.ne
              local.get 24
              i64.const 0
              i64.ne
              local.get 25
              i64.const 0
              i64.ne
              i32.and
              i32.or
              i32.and
              i32.or
              (@metadata.code.branch_hint "\00")
              br_if 1 (;@4;)
            end
            local.get 30
            local.get 29
            f64.add
            local.set 31
            local.get 31
            i64.reinterpret_f64
            local.set 21
            i64.const 2046
            local.get 21
            i64.const 52
            i64.shr_u
            i64.const 2047
            i64.and
            i64.const -1
            i64.add
            i64.le_u
            (@metadata.code.branch_hint "\00")
            if ;; label = @5
              local.get 21
              i64.const 1
              i64.shl
              i64.const 0
              i64.ne
              (@metadata.code.branch_hint "\00")
              br_if 1 (;@4;)
            end
            local.get 28
            f64x2.extract_lane 0
            local.set 32
            local.get 28
            f64x2.extract_lane 0
            i64.reinterpret_f64
            local.set 22
            i64.const 2046
            local.get 22
            i64.const 52
            i64.shr_u
            i64.const 2047
            i64.and
            i64.const -1
            i64.add
            i64.le_u
            (@metadata.code.branch_hint "\00")
            if ;; label = @5
              local.get 22
              i64.const 1
              i64.shl
              local.set 24
              local.get 24
              i64.const 0
              i64.ne
              local.get 24
              i64.const -9007199254740992
              i64.ne
              i32.and
              (@metadata.code.branch_hint "\00")
              br_if 1 (;@4;)
            end
            br 1 (;@3;)
          end
          local.get 2
          local.set 3
          i64.const 2
          local.set 4
          br 1 (;@2;)
        end
        local.get 31
        local.get 32
        f64.eq
        i64.extend_i32_u
        local.set 23
        local.get 31
        local.get 32
        f64.le
        i32.eqz
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        local.get 31
        f64x2.replace_lane 0
        local.get 31
        local.get 32
        f64.lt
        i64.extend_i32_u
        i64.const -4611686018427387904
        i64.mul
        local.get 23
        i64.const 8
        i64.shl
        i64.or
        local.get 23
        i64.const 1
        i64.xor
        i64.const 0
        local.set 6
        local.set 9
        local.set 7
        local.set 26
        local.get 1
        i64.const 5
        i64.sub
        local.set 1
        if ;; label = @3
          local.get 2
          i64.const 20
          i64.add
          local.set 3
          i64.const 1048596
          local.set 5
          br 1 (;@2;)
        end
        local.get 2
        i64.const 18
        i64.add
        local.set 3
        i64.const 1048594
        local.set 5
        br 0 (;@2;)
        unreachable
      end
      local.get 0
      local.get 26
      v128.store xmm0
      local.get 0
      local.get 6
      i64.store flags_kind
      local.get 0
      local.get 7
      i64.store flags_a
      local.get 0
      local.get 8
      i64.store flags_b
      local.get 0
      local.get 9
      i64.store flags_result
      local.get 0
      local.get 10
      i64.store flags_carry
      local.get 0
      local.get 3
      i64.store rip
    end
    local.get 4
    i64.eqz
    (@metadata.code.branch_hint "\01")
    if ;; label = @1
      local.get 5
      i64.eqz
      if ;; label = @2
        local.get 3
        local.get 3
        i64.const 12
        i64.shr_u
        i64.xor
        i64.const 16383
        i64.and
        i64.const 4
        i64.shl
        local.get 0
        i64.load jumps
        i64.add
        local.tee 13
        i64.load
        local.get 0
        i64.load jump_key
        local.get 3
        i64.xor
        i64.eq
        (@metadata.code.branch_hint "\01")
        if ;; label = @3
          local.get 0
          local.get 1
          local.get 13
          i64.load offset=8
          return_call_indirect (type 0)
        end
        local.get 0
        local.get 1
        i64.const 0
        return_call 9
      end
      local.get 0
      i64.load32_u code_key
      i64.const 48
      i64.shl
      local.get 5
      i64.xor
      local.set 12
      local.get 12
      i64.const -7046029254386353131
      i64.mul
      i64.const 44
      i64.shr_u
      i64.const -16
      i64.and
      local.get 0
      i64.load entries
      i64.add
      local.tee 13
      i64.load
      local.get 12
      i64.eq
      (@metadata.code.branch_hint "\01")
      if ;; label = @2
        local.get 0
        local.get 1
        local.get 13
        i64.load offset=8
        return_call_indirect (type 0)
      end
      local.get 0
      local.get 1
      local.get 5
      return_call 9
    end
    local.get 0
    local.get 4
    i64.store leave
    local.get 1
  )
)
